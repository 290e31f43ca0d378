export const s3 = undefined;
