/*
 * libcurl's memory. For each upload it takes a buffer of 16 kB, of which our
 * bodies use some hundred bytes, and keeps it until the answer is there. Among
 * malloc's other pieces such buffers touch, in time, every page they could; here
 * they have places of their own, of which only the first page is ever touched.
 */
#ifndef BASE_HTTP_MEMORY_H
#define BASE_HTTP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_UPLOAD_BYTES 16384L /* libcurl's least; 64 kB unless told */

bool http_memory_init(void); /* false: no address space */
/* For curl_global_init_mem, beside strdup and calloc. */
void *http_memory_alloc(size_t bytes);
void http_memory_free(void *p);
void *http_memory_grow(void *p, size_t bytes);

#endif
