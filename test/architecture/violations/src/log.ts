export const log = 'innocent, imported by others';
