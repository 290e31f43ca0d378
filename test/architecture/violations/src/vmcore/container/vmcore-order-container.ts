import '../arch/vmcore-order-arch.ts';
