// Runs before the first paint: a page that is dark by choice must not flash white. The rest is in src/lib/theme.ts.
(() => {
  try {
    const theme = localStorage.getItem("stoa.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is forbidden here: as the system has it.
  }
})();
