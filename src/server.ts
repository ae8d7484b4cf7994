import { config as readDotenv } from 'dotenv';
import { serve } from './serve.ts';

readDotenv({ quiet: true });
await serve(process.env);
