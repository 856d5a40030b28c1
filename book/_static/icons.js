// Widgets bring fonts of icons that the theme draws by itself. The book does not have them, and an icon that is not
// drawn yet would ask for them: their rules go as soon as they come.
const dropIconFonts = ({ sheet }) => {
  const rules = sheet ? [...sheet.cssRules] : [];
  rules.reverse().forEach((rule, place) => {
    const family = rule instanceof CSSFontFaceRule ? rule.style.getPropertyValue("font-family") : "";
    if (/Font ?Awesome/.test(family)) sheet.deleteRule(rules.length - 1 - place);
  });
};
new MutationObserver((records) => {
  const added = records.flatMap((record) => [...record.addedNodes]);
  added.filter((node) => node.nodeName === "STYLE").forEach(dropIconFonts);
}).observe(document.head, { childList: true });
