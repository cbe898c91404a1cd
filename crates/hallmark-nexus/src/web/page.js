// Puts the server's rendering of the page in place of what is shown, every few seconds, and says when it cannot.
(() => {
  const main = document.getElementById("main");
  const live = document.getElementById("live");
  const interval_ms = 4000;
  const say = (state, text) => { live.dataset.state = state; live.textContent = text; };
  let last = null;

  // What a reader has open, scrolled or focused stays so.
  const replace = (html) => {
    const open = [...main.querySelectorAll("details[open]")].map((d) => d.id);
    const focused = document.activeElement && main.contains(document.activeElement) ? document.activeElement.dataset.key || document.activeElement.id : null;
    const scrolled = [...main.querySelectorAll(".scroll")].map((s) => s.scrollLeft);
    main.innerHTML = html;
    open.forEach((id) => id && document.getElementById(id)?.setAttribute("open", ""));
    main.querySelectorAll(".scroll").forEach((s, i) => { s.scrollLeft = scrolled[i] || 0; });
    if (focused) (main.querySelector(`[data-key="${CSS.escape(focused)}"]`) || document.getElementById(focused))?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/?fragment=true", { credentials: "same-origin", cache: "no-store" });
      if (answer.status === 401) { say("lost", "signed out: open a fresh URL with `hallmark serve --url`"); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      const selecting = String(document.getSelection() || "") !== "";
      if (html !== last && !selecting) { replace(html); last = html; }
      say("live", "live, " + new Date().toISOString().slice(11, 19) + " UTC");
    } catch {
      say("lost", "the server does not answer");
    }
  };
  refresh();
  setInterval(refresh, interval_ms);
  document.addEventListener("visibilitychange", refresh);
})();
