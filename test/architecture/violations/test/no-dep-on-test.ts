export const outside = 'src';
