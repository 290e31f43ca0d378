import './s3.ts';
