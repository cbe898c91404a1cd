(() => {
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();
  const form = document.querySelector("form");
  if (!form) return;
  form.hidden = false;
  const findings = [...document.querySelectorAll(".finding")];
  const files = [...document.querySelectorAll(".file")];
  const apply = () => {
    const wanted = Object.fromEntries(new FormData(form));
    const text = wanted.text.trim().toLowerCase();
    let shown = 0;
    for (const finding of findings) {
      const fits = ["severity", "family", "rule", "tier"].every((k) => !wanted[k] || finding.dataset[k] === wanted[k]);
      finding.hidden = !(fits && (!text || finding.closest(".file").dataset.path.includes(text) || finding.textContent.toLowerCase().includes(text)));
      shown += finding.hidden ? 0 : 1;
    }
    for (const file of files) {
      const left = file.querySelectorAll(".finding:not([hidden])").length;
      file.hidden = left === 0;
      file.querySelector(".left").textContent = left;
    }
    form.querySelector("output").textContent = `${shown} of ${findings.length} shown`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
