// Looks again by itself, every few seconds, until the choice has reached every carrier. Without it a link does the same.
const every = 4000;
const look = async () => {
  const answer = await fetch(location.href, { headers: { "Accept": "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = document.getElementById("delivery"), next = page.getElementById("delivery");
  if (!next) return;
  if (now.querySelector("table").innerText !== next.querySelector("table").innerText) now.replaceWith(next);
  if (next.dataset.done !== "yes") setTimeout(() => look().catch(() => {}), every);
};
setTimeout(() => look().catch(() => {}), every);
