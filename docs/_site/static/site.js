// What the theme leaves out for people who use a keyboard or a screen reader.
document.addEventListener("DOMContentLoaded", () => {
  for (const caption of document.querySelectorAll("p.caption[role=heading]")) caption.setAttribute("aria-level", "2");
  for (const [place, name] of [[".sidebar-drawer", "Pages"], [".toc-drawer", "On this page"]])
    document.querySelector(place)?.setAttribute("aria-label", name);
  for (const wide of document.querySelectorAll("article pre, article .table-wrapper")) wide.tabIndex = 0;
  for (const list of document.querySelectorAll("dt.sig dl")) { // the lines of a long signature define nothing
    const lines = document.createElement("div");
    lines.className = "sig-lines";
    for (const item of [...list.children]) {
      const line = document.createElement("div");
      line.append(...item.childNodes);
      lines.append(line);
    }
    list.replaceWith(lines);
  }
});
