#include "common/base.h"
#include "fcgi/trim.h"

#include <link.h>
#include <pthread.h>
#include <sys/mman.h>

#define OWN_FRAME 512 /* bytes of stack that trim_stack() itself is in */

static uintptr_t page_size(void)
{
	return (uintptr_t)sysconf(_SC_PAGESIZE);
}

/* Whose code the linker has changed as it has changed data elsewhere: no library ought to. */
static bool has_text_relocations(const struct dl_phdr_info *object)
{
	const ElfW(Dyn) *d = NULL;

	for (int i = 0; i < object->dlpi_phnum; i++) {
		if (object->dlpi_phdr[i].p_type == PT_DYNAMIC)
			d = (const void *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
	}
	for (; d && d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
			return true;
	}
	return false;
}

static int unmap_pages(struct dl_phdr_info *object, size_t size, void *unused)
{
	const uintptr_t page = page_size();

	(void)size;
	(void)unused;
	if (has_text_relocations(object))
		return 0;
	for (int i = object->dlpi_phnum - 1; i >= 0; i--) { /* they lie in the first segment */
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		uintptr_t at = (object->dlpi_addr + p->p_vaddr) / page * page;
		uintptr_t end = object->dlpi_addr + p->p_vaddr + p->p_memsz;

		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			madvise((void *)at, end - at, MADV_DONTNEED);
	}
	return 0;
}

void trim_start(void)
{
	dl_iterate_phdr(unmap_pages, NULL);
}

void trim_stack(void)
{
	const uintptr_t page = page_size();
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) - OWN_FRAME;
	pthread_attr_t stack;
	size_t size;
	void *low;

	if (gettid() == getpid() || pthread_getattr_np(pthread_self(), &stack))
		return; /* a CGI program ends with its answer */
	pthread_attr_getstack(&stack, &low, &size);
	pthread_attr_destroy(&stack);
	madvise(low, here / page * page - (uintptr_t)low, MADV_DONTNEED);
}
