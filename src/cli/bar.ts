import { SingleBar } from 'cli-progress';
import type { Bar, Stream } from './terminal.ts';

/** A bar on a terminal: `replayed [====----] 200/500`. */
export function createBar(stream: Stream, label: string, total: number): Bar {
  const bar = new SingleBar({
    // It uses no more of it than `Stream` has.
    stream: stream as NodeJS.WritableStream,
    format: `${label} [{bar}] {value}/{total} {note}`,
    barCompleteChar: '=',
    barIncompleteChar: '-',
    barsize: 30,
    linewrap: null,
    hideCursor: false,
    // The cursor is not hidden, so nothing has to be put back when the process ends.
    gracefulExit: false,
  });
  bar.start(total, 0, { note: '' });
  return {
    update: (done, note = '') => bar.update(done, { note }),
    end: () => bar.stop(),
  };
}
