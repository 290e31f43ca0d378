// Constants of the ELF format under their own names (gABI chapters 4 and 5; kernel include/uapi/linux/elf.h and
// elf-em.h).

export const ELFCLASS32 = 1;
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;
export const ELFDATA2MSB = 2;
export const ET_CORE = 4;
export const PT_NULL = 0;
export const PT_LOAD = 1;
export const PT_NOTE = 4;
export const SHT_SYMTAB = 2;
export const SHT_NOTE = 7;
/** e_phnum if the real count is in sh_info of section 0. */
export const PN_XNUM = 0xffff;

export const EM_PPC64 = 21;
export const EM_RISCV = 243;
export const EM_LOONGARCH = 258;

/** e_flags bit of makedumpfile: the disk was full before the dump was complete (elf_info.h). */
export const DUMP_ELF_INCOMPLETE = 0x1;
