/*
 * The main of every fuzzer when the plain compiler builds it: feeds it each
 * file of the corpus once. libFuzzer brings its own main.
 *
 *   fuzz_NOUN FOLDER|FILE ...
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
file_replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data, *exact;
	size_t size;

	if (f == NULL) {
		perror(path);
		return -1;
	}
	data = malloc(INPUT_MAX);
	size = data != NULL ? fread(data, 1, INPUT_MAX, f) : 0;
	fclose(f);
	/* No room beyond the input, so that reading on is noticed. */
	exact = malloc(size > 0 ? size : 1);
	if (data == NULL || exact == NULL)
		abort();
	memcpy(exact, data, size);
	free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 1;
}

static int
folder_replay(const char *folder)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *d = opendir(folder);
	int n = 0;

	if (d == NULL)
		return 0;
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (file_replay(path) < 0) {
			n = -1;
			break;
		}
		n++;
	}
	closedir(d);
	return n;
}

int
main(int argc, char **argv)
{
	struct stat st;
	int i, n, total = 0;

	for (i = 1; i < argc; i++) {
		n = stat(argv[i], &st) == 0 && S_ISREG(st.st_mode) ?
		    file_replay(argv[i]) : folder_replay(argv[i]);
		if (n < 0)
			return 1;
		total += n;
	}
	printf("%d inputs\n", total);
	return total > 0 ? 0 : 1; /* an empty corpus proves nothing */
}
