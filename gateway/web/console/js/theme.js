// Runs before anything is painted, so that a dark page never flashes light.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let wish = null;
    try {
      wish = localStorage.getItem("tast1.theme");
    } catch {
      // Storage may be closed to a frame; the system's wish holds then.
    }
    document.documentElement.dataset.theme = wish ?? (dark.matches ? "dark" : "light");
  };
  dark.addEventListener("change", apply);
  document.addEventListener("tast1:theme", apply);
  apply();
})();
