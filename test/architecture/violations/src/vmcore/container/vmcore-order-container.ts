import '../paging/vmcore-order-paging.ts';
