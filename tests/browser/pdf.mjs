/** A PDF with a page for each `{width, height, colour, text}`, colour as PDF writes it: red, green and blue from 0 to 1. */
export function pdf(pages) {
  const objects = [];
  const add = (text) => objects.push(text);
  add("<< /Type /Catalog /Pages 2 0 R >>");
  add(`<< /Type /Pages /Kids [${pages.map((_, i) => `${4 + 2 * i} 0 R`).join(" ")}] /Count ${pages.length} >>`);
  add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
  pages.forEach(({ width, height, colour, text }, i) => {
    add(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${width} ${height}] /Contents ${5 + 2 * i} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`);
    const drawn = `${colour} rg 0 0 ${width} ${height} re f 0 g BT /F1 40 Tf 40 40 Td (${text}) Tj ET`;
    add(`<< /Length ${drawn.length} >>\nstream\n${drawn}\nendstream`);
  });
  let out = "%PDF-1.4\n";
  const at = objects.map((text, i) => { const here = out.length; out += `${i + 1} 0 obj\n${text}\nendobj\n`; return here; });
  const xref = out.length;
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${at.map((n) => `${String(n).padStart(10, "0")} 00000 n \n`).join("")}`;
  return Buffer.from(`${out}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${xref}\n%%EOF\n`);
}
