import './remote/s3.ts';
