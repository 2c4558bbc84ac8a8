// Keys for tables of rows: j and k move, Enter opens, x chooses, / goes to the filters; and what says its own key
// (data-key): links are followed, what folds is opened and focused. Without it all goes by Tab.
const rows = [...document.querySelectorAll("tr[data-row]")];
let at = -1;
const go = (to) => {
  if (!rows.length) return;
  at = Math.max(0, Math.min(rows.length - 1, to));
  const link = rows[at].querySelector("a");
  if (link) link.focus();
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
  if (event.key === "j") go(at + 1);
  else if (event.key === "k") go(at - 1);
  else if (event.key === "x" && at >= 0) rows[at].querySelector("input[type=checkbox]")?.click();
  else if (event.key === "/") {
    const field = document.querySelector(".filters select, .filters input");
    if (!field) return;
    event.preventDefault();
    field.focus();
  } else if (/^[a-z0-9]$/.test(event.key)) {
    const named = document.querySelector(`[data-key="${event.key}"]`);
    if (!named) return;
    event.preventDefault();
    if (named.matches("summary")) named.parentElement.open = true;
    named.focus();
    if (named.matches("a")) named.click();
  }
});
