import { render } from 'preact';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/pages.css';
import { App } from './app.tsx';
import { startLive } from './live.ts';
import { followLinks } from './place.ts';
import { begin } from './session.ts';

followLinks();
startLive();
void begin();
render(<App />, document.getElementById('app') as HTMLElement);
