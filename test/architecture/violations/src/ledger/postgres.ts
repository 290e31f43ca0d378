export const pg = 1;
