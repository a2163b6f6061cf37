// The admin in the look that was chosen in the studio. The cookie is the one place where that is kept; it is read before
// anything is drawn, so that nothing flashes.
{
  const root = document.documentElement;
  const chosen = () => document.cookie.match(/(?:^|; )theme=(light|dark)(?:;|$)/)?.[1] ?? "auto";

  function choose(theme) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${theme === "auto" ? "system" : theme}; path=/; max-age=31536000; samesite=lax${secure}`;
    root.dataset.theme = theme;
  }

  // Away from what the system says first, as Django's own button does.
  function next() {
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const order = isDark ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
    choose(order[(order.indexOf(chosen()) + 1) % order.length]);
  }

  root.dataset.theme = chosen();
  addEventListener("load", () => {
    for (const button of document.querySelectorAll(".theme-toggle")) button.addEventListener("click", next);
  });
}
