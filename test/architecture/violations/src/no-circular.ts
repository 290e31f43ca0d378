import './vicious-circle.ts';
