import 'node:child_process';
import 'node:fs/promises';
import 'node:http';
import 'node:worker_threads';

import '@aws-sdk/client-s3';
import 'chokidar';
import 'commander';
import 'express';
import 'hash-wasm';
import 'helmet';
import 'node:sqlite';
import 'pg';
import 'prom-client';
import 'yaml';
import 'zod';
