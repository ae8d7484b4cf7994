import { join } from 'node:path';
import { bugs, type Edit, type PlantedBug } from './bugs.ts';

export const SOURCE = join(import.meta.dirname, '../../../src');

/**
 * The text of a source file with bugs planted.
 * @throws Error when the place to plant one is not there any more: it would be found missing, and not the bug.
 */
export function edited(file: string, text: string, planted: readonly PlantedBug[]): string {
  let result = text;
  for (const { from, to, times = 1 } of editsOf(planted).filter((edit) => edit.file === file)) {
    const parts = result.split(from);
    if (parts.length !== times + 1)
      throw new Error(`${file} does not have ${times} times: ${from}`);
    result = parts.join(to);
  }
  return result;
}

export function editsOf(planted: readonly PlantedBug[]): readonly Edit[] {
  return planted.flatMap((name): readonly Edit[] => bugs[name]);
}
