/** Rows as people read them: columns as wide as what is in them, numbers to the right. The first row is the heading. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map((cell) => String(cell)));
  const widths = (texts[0] ?? []).map((_, column) =>
    Math.max(...texts.map((row) => (row[column] ?? '').length)),
  );
  const isNumber = widths.map((_, column) =>
    rows.slice(1).every((row) => typeof row[column] === 'number'),
  );
  return texts
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] as number;
          return isNumber[column] === true ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
