// enum hwerr_error_type, part of the kernel's userspace API: include/uapi/linux/vmcore.h, since
// fcc1c85f4268 ("vmcoreinfo: track and log recoverable hardware errors") (in v6.19).

/** HWERR_RECOV_CPU and so on, in the order of the array. */
export const CATEGORIES = ['cpu', 'memory', 'pci', 'cxl', 'others'] as const;
