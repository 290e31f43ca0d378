export const alone = 'imports nobody, imported by nobody';
