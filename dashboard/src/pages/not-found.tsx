import { Empty } from '../components/empty.tsx';
import { Heading } from '../components/heading.tsx';
import { href } from '../place.ts';

export function NotFoundPage() {
  return (
    <>
      <Heading title="Nothing is here" />
      <Empty title="There is no such page.">
        <a href={href('/')}>Go to the overview</a>
      </Empty>
    </>
  );
}
