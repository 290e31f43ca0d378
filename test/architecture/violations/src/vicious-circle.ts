import './no-circular.ts';
