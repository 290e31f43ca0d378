// vmcore-order-shared
import './container/vmcore-has-no-io.ts';
