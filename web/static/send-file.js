// Says how much of a file was sent, and refuses one that is too large before it is sent. Without it the form is sent as it is.
const form = document.querySelector("form[data-most]");
const problem = document.getElementById("problem");
const say = (text) => {
  const box = document.createElement("div"), line = document.createElement("p");
  box.className = "error narrow";
  box.setAttribute("role", "alert");
  line.textContent = text;
  box.append(line);
  problem.replaceChildren(box);
  form.querySelector("button").disabled = false;
  document.getElementById("sending").hidden = true;
};
form.addEventListener("submit", (event) => {
  const file = form.querySelector("input[type=file]").files[0];
  if (!file) return;
  event.preventDefault();
  problem.replaceChildren();
  if (file.size > Number(form.dataset.most)) return say(form.dataset.tooLarge);
  form.querySelector("button").disabled = true;
  document.getElementById("sending").hidden = false;
  const sending = new XMLHttpRequest();
  sending.upload.addEventListener("progress", ({ loaded, total }) => {
    const percent = total ? Math.floor((100 * loaded) / total) : 0;
    document.getElementById("sent").textContent = percent;
    document.getElementById("sent-bar").value = percent;
  });
  sending.addEventListener("load", () => {
    if (sending.status === 200) return location.assign(sending.responseURL);
    const page = new DOMParser().parseFromString(sending.responseText, "text/html");
    say(page.querySelector("#problem p, main p")?.textContent ?? form.dataset.cut);
  });
  sending.addEventListener("error", () => say(form.dataset.cut));
  sending.open("POST", form.action);
  sending.send(new FormData(form));
});
