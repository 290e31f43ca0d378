// vmcore-order-kernel
import './symbols/vmcore-order-symbols.ts';
