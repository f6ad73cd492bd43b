// Keys, the choice of runs, and runs that go on. Without it everything can still be read.
"use strict";

const rows = () => [...document.querySelectorAll("[data-row]")];
const linkOf = (row) => row.querySelector("th a, td a, p a");

function moveBy(step) {
  const all = rows().filter(linkOf);
  if (!all.length) return;
  const here = all.findIndex((row) => row.contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1);
  linkOf(all[next]).focus();
}

function choose() {
  const row = document.activeElement.closest("[data-row]");
  const box = row && row.querySelector("input[type=checkbox]");
  if (box) box.click();
}

const places = { r: "/runs", p: "/production", a: "/artifacts" };
let afterG = false;

function pressed(event) {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea, dialog[open]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (afterG && places[event.key]) {
    location.assign(places[event.key]);
  } else if (event.key === "j") moveBy(1);
  else if (event.key === "k") moveBy(-1);
  else if (event.key === "x") choose();
  else if (event.key === "/" && document.querySelector("[data-search]")) document.querySelector("[data-search]").focus();
  else if (event.key === "?") document.getElementById("keys").showModal();
  else if (event.key !== "g" && !decideByKey(event.key)) {
    afterG = false;
    return;
  }
  afterG = event.key === "g";
  event.preventDefault();
}

function count(form) {
  const chosen = form.querySelectorAll("input[name=run]:checked").length;
  form.querySelector("[data-chosen]").textContent = chosen ? `${chosen} chosen, of two to five.` : "Choose two to five.";
  form.querySelector("button").disabled = chosen < 2 || chosen > 5;
}

// Decisions about labels: saved one after the other, without a new page, and on to the next photo.
async function decide(form, button) {
  const body = new URLSearchParams(new FormData(form));
  body.set("decision", button.value);
  const place = form.closest("[data-row]");
  const all = rows();
  const next = all[Math.min(all.indexOf(place) + 1, all.length - 1)];
  const answer = await fetch(form.action, { method: "POST", body });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const status = document.querySelector("[data-saved]");
  if (!answer.ok) {
    status.textContent = fresh.querySelector("main p")?.textContent || "It was not saved.";
    return;
  }
  const shown = fresh.getElementById(place.id);
  if (shown) {
    place.replaceChildren(...shown.childNodes);
    place.className = shown.className;
  }
  status.replaceChildren(...fresh.querySelector("[data-saved]").childNodes);
  linkOf(button.value === "undo" ? place : next)?.focus();
}

function decideByKey(key) {
  const place = document.activeElement.closest(".queue [data-row]");
  if (!place) return false;
  if (key === "l") {
    place.querySelector("select").focus();
    return true;
  }
  const button = place.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (button) button.click();
  return Boolean(button);
}

// A run went on: what it shows is asked for anew, and the focus stays where it was.
async function refresh(place) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return true;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(place.id);
  if (!fresh) return false;
  const state = (where) => where.querySelector(".facts .state")?.textContent.trim();
  const told = document.querySelector("[data-told]");
  if (told && state(fresh) !== state(place)) told.textContent = `This run ${state(fresh).replace(/^\S+ /, "")}.`;
  // A component has two links: in the graph, and in the table.
  const linksTo = (href) => [...place.querySelectorAll(`[href="${CSS.escape(href)}"]`)];
  const focused = place.contains(document.activeElement) && document.activeElement.getAttribute("href");
  const which = focused ? linksTo(focused).indexOf(document.activeElement) : 0;
  place.replaceChildren(...fresh.childNodes);
  if (focused) linksTo(focused)[which]?.focus();
  return fresh.hasAttribute("data-live");
}

function follow(place) {
  const source = new EventSource(place.dataset.live);
  let waiting = Promise.resolve();
  // Between the page and the connection, or between two connections, the run may have gone on.
  const changed = () => {
    waiting = waiting.then(() => refresh(place)).then((goesOn) => {
      if (!goesOn) {
        source.close();
        place.removeAttribute("data-live");
      }
    });
  };
  source.addEventListener("open", changed);
  source.addEventListener("changed", changed);
}

document.addEventListener("keydown", pressed);
document.querySelectorAll("[data-keys]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => document.getElementById("keys").showModal());
});
document.querySelectorAll("[data-by-keys]").forEach((hint) => (hint.hidden = false));
document.querySelectorAll("[data-compare]").forEach((form) => {
  count(form);
  form.addEventListener("change", () => count(form));
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-decide]")) return;
  event.preventDefault();
  decide(event.target, event.submitter);
});
document.querySelectorAll("[data-live]").forEach(follow);
if (document.querySelector("[data-again]")) setTimeout(() => location.reload(), 5000);
