// Writes how far scrubs are into the page, every second or two, and shows the result when one has ended.
// Without it the page comes again by itself.
const every = 1500;
const boxes = [...document.querySelectorAll('[data-scrub][data-ended="no"]')];
const look = async (box) => {
  const answer = await fetch(box.dataset.scrub, { headers: { "Accept": "application/json" } });
  if (!answer.ok) throw new Error(answer.status);
  const now = await answer.json();
  for (const place of box.querySelectorAll("[data-said]")) {
    const text = String(now[place.dataset.said]);
    if (place.textContent !== text) place.textContent = text;
  }
  box.dataset.state = now.state;
  box.querySelector(".state").className = `state ${now.colour}`;
  box.querySelector("progress").value = now.percent;
  return now.ended;
};
const go = async (box, failures = 0) => {
  let ended = false;
  try {
    ended = await look(box);
    failures = 0;
  } catch {
    failures += 1;
  }
  if (ended) location.reload();
  else setTimeout(() => go(box, failures), every * Math.min(20, 1 + failures));
};
for (const box of boxes) setTimeout(() => go(box), every / 2);
