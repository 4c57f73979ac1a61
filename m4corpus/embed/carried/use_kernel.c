/* The rows of the Universal Sentence Encoder, from what its tokens have added to sums that its dense layers read.

   m4corpus/embed/carried/use_rows.py computes the same in torch and says what each step is; the two give the same
   bytes, which a test holds them to. What this file gains is that nothing goes through memory: a few rows at a time
   are gathered, rounded to 8 bits, multiplied and summed while they are in the processor's cache.

   Multiplications and additions are written one by one where torch rounds between them, and as one fused operation
   where it does not: the compiler may not choose (-ffp-contract=off).

   Needs AVX-512 with VNNI, whose one instruction multiplies four unsigned bytes by four signed ones and adds them to
   a 32-bit sum. supported() says whether the processor has it; elsewhere torch computes. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* KERNEL in use_rows.py: raised in both when the arguments or the bytes change. */
#define VERSION 1

#define EMBEDDING 512
#define WIDTH 256
#define ORDERS 3
#define MOST 5
#define FEATURES (EMBEDDING + ORDERS * WIDTH)
/* What stands for zero among 8-bit activations, and activations to one. */
#define ZERO 64
#define STEPS 4
/* Rows that the longest n-gram reaches over a row, on either side. */
#define REACH 2
/* Rows held at once: what they need and the weights together stay in a cache of 1 MiB. As many as there are strips of
   products, during each of which the terms of a token of the next block are fetched. */
#define BLOCK 12
/* Rows and outputs whose sums are held in registers: 6 times four of 16. */
#define TILE 6
#define STRIP 64

/* Length of an n-gram, at most MOST. */
static const int LENGTH[ORDERS] = {2, 3, 5};

typedef struct {
    const uint8_t *codes;           /* (slots, 512): an embedding is code * scale + low */
    const float *ranges;            /* (slots, 2): scale and low */
    const uint16_t *terms[ORDERS];  /* float16 (slots, n + 1, 256) */
    const int8_t *weights[ORDERS];  /* (4 strips, n * 64 steps, 64 outputs, 4 inputs) */
    const float *scale;             /* (3, 256) */
    const float *bias;              /* (3, 256) */
    const int32_t *shift;           /* (3, 256): what ZERO adds to each sum */
    float highest;
    float eps;
} Network;

typedef struct {
    /* Blocks lie after REACH rows of the block before and before REACH rows of the next. */
    _Alignas(64) uint8_t rounded[ORDERS][(BLOCK + 2 * REACH) * WIDTH];
    _Alignas(64) float hidden[ORDERS][(BLOCK + 2 * REACH) * WIDTH];
    _Alignas(64) int32_t products[TILE * STRIP];
    _Alignas(64) float features[BLOCK][ORDERS * WIDTH];
    _Alignas(64) float embedding[EMBEDDING];
} Space;

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>
/* How many of an n-gram's tokens stand before the one it belongs to. */
static const int BEFORE[ORDERS] = {0, 1, 2};
#define FAST __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

static int runs_here(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vnni");
}

/* Ask for what a token adds, long before it is read: tokens lie anywhere in memory. */
FAST static void fetch(const Network *net, int32_t slot)
{
    for (int order = 0; order < ORDERS; order++) {
        const size_t size = (LENGTH[order] + 1) * WIDTH * sizeof(uint16_t);
        const char *terms = (const char *)net->terms[order] + slot * size;
        for (size_t i = 0; i < size; i += 64)
            _mm_prefetch(terms + i, _MM_HINT_T1);
    }
    const uint8_t *codes = net->codes + (size_t)slot * EMBEDDING;
    for (size_t i = 0; i < EMBEDDING; i += 64)
        _mm_prefetch(codes + i, _MM_HINT_T1);
}

/* What a token beyond the ends of a text adds. */
static const uint16_t NOTHING[WIDTH];

/* First convolution of one order at row `row` of a text, with its projection, rounded to half precision as torch rounds
   it; and the same in 8 bits. */
FAST static inline __attribute__((always_inline)) void
gather_order(const uint16_t *table, const int n, const int before, float highest, const int32_t *slots,
             Py_ssize_t length, Py_ssize_t row, float *hidden, uint8_t *rounded)
{
    const uint16_t *term[MOST];
#pragma GCC unroll 5
    for (int j = 0; j < n; j++) {
        const Py_ssize_t at = row - before + j;
        term[j] = at >= 0 && at < length ? table + ((size_t)slots[at] * (n + 1) + j) * WIDTH : NOTHING;
    }
    const uint16_t *own = table + ((size_t)slots[row] * (n + 1) + n) * WIDTH;
    for (int i = 0; i < WIDTH; i += 16) {
        __m512 total = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(term[0] + i)));
#pragma GCC unroll 5
        for (int j = 1; j < n; j++)
            total = _mm512_add_ps(total, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(term[j] + i))));
        const __m512 projected = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(own + i)));
        total = _mm512_add_ps(total, projected);
        total = _mm512_cvtph_ps(_mm512_cvtps_ph(total, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
        total = _mm512_min_ps(_mm512_max_ps(total, projected), _mm512_set1_ps(highest));
        _mm512_store_ps(hidden + i, total);
        /* To the nearest whole number, of two the even one. */
        const __m512i steps = _mm512_cvtps_epi32(_mm512_mul_ps(total, _mm512_set1_ps(STEPS)));
        const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_add_epi32(steps, _mm512_set1_epi32(ZERO)));
        _mm_store_si128((__m128i *)(rounded + i), bytes);
    }
}

/* `place` is the row's place in the block. */
FAST static void gather(const Network *net, Space *space, const int32_t *slots, Py_ssize_t length, Py_ssize_t row,
                        int place)
{
#pragma GCC unroll 3
    for (int order = 0; order < ORDERS; order++)
        gather_order(net->terms[order], LENGTH[order], BEFORE[order], net->highest, slots, length, row,
                     space->hidden[order] + place * WIDTH, space->rounded[order] + place * WIDTH);
}

/* Nothing stands before a text's first row and after its last. */
static void blank(Space *space, int place)
{
    for (int order = 0; order < ORDERS; order++)
        memset(space->rounded[order] + place * WIDTH, ZERO, WIDTH);
}

/* Sums of `rows` windows of bytes, WIDTH bytes apart, for one strip of outputs. */
FAST static inline __attribute__((always_inline)) void
strip_products(const uint8_t *windows, const int8_t *weights, int steps, const int rows, int32_t *out)
{
    __m512i sums[TILE][4];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            sums[r][j] = _mm512_setzero_si512();
    for (int step = 0; step < steps; step++) {
        const __m512i w0 = _mm512_loadu_si512(weights), w1 = _mm512_loadu_si512(weights + 64);
        const __m512i w2 = _mm512_loadu_si512(weights + 128), w3 = _mm512_loadu_si512(weights + 192);
        weights += 4 * STRIP;
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, windows + r * WIDTH + 4 * step, 4);
            const __m512i inputs = _mm512_set1_epi32(four);
            sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], inputs, w0);
            sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], inputs, w1);
            sums[r][2] = _mm512_dpbusd_epi32(sums[r][2], inputs, w2);
            sums[r][3] = _mm512_dpbusd_epi32(sums[r][3], inputs, w3);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            _mm512_store_si512(out + r * STRIP + j * 16, sums[r][j]);
}

/* Each number of rows is a loop of its own, whose sums the compiler keeps in registers. */
FAST static void products(const uint8_t *windows, const int8_t *weights, int steps, int rows, int32_t *out)
{
    switch (rows) {
    case 1: strip_products(windows, weights, steps, 1, out); break;
    case 2: strip_products(windows, weights, steps, 2, out); break;
    case 3: strip_products(windows, weights, steps, 3, out); break;
    case 4: strip_products(windows, weights, steps, 4, out); break;
    case 5: strip_products(windows, weights, steps, 5, out); break;
    default: strip_products(windows, weights, steps, TILE, out);
    }
}

/* Second convolution of the first `rows` rows of the block: relu(sum * scale + bias), plus what it was made of. Fetches
   the `soon` tokens from `next` on meanwhile, at most one for each strip. */
FAST static void convolve(const Network *net, Space *space, int rows, const int32_t *next, Py_ssize_t soon)
{
    for (int order = 0; order < ORDERS; order++) {
        const int n = LENGTH[order], steps = n * WIDTH / 4;
        const uint8_t *windows = space->rounded[order] + (REACH - BEFORE[order]) * WIDTH;
        for (int strip = 0; strip < WIDTH / STRIP; strip++) {
            if (soon-- > 0)
                fetch(net, *next++);
            const int first = order * WIDTH + strip * STRIP;
            const int8_t *weights = net->weights[order] + (size_t)strip * steps * 4 * STRIP;
            for (int row = 0; row < rows; row += TILE) {
                const int count = rows - row < TILE ? rows - row : TILE;
                products(windows + row * WIDTH, weights, steps, count, space->products);
                for (int r = 0; r < count; r++) {
                    const float *hidden = space->hidden[order] + (REACH + row + r) * WIDTH + strip * STRIP;
                    for (int i = 0; i < STRIP; i += 16) {
                        const __m512i shift = _mm512_loadu_si512(net->shift + first + i);
                        const __m512i whole = _mm512_load_si512(space->products + r * STRIP + i);
                        __m512 x = _mm512_cvtepi32_ps(_mm512_sub_epi32(whole, shift));
                        x = _mm512_mul_ps(x, _mm512_loadu_ps(net->scale + first + i));
                        x = _mm512_add_ps(x, _mm512_loadu_ps(net->bias + first + i));
                        x = _mm512_max_ps(x, _mm512_setzero_ps());
                        x = _mm512_add_ps(x, _mm512_load_ps(hidden + i));
                        _mm512_store_ps(space->features[row + r] + first + i, x);
                    }
                }
            }
        }
    }
}

/* Sum of 256 numbers: the halves to one another, again and again. */
FAST static float folded(__m512 x[16])
{
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            x[i] = _mm512_add_ps(x[i], x[i + half]);
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x[0]), _mm512_extractf32x8_ps(x[0], 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* The token's embedding. */
FAST static void unpack(const uint8_t *codes, const float *range, float *embedding)
{
    const __m512 scale = _mm512_set1_ps(range[0]), low = _mm512_set1_ps(range[1]);
    for (int i = 0; i < EMBEDDING; i += 16) {
        const __m512i code = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(codes + i)));
        _mm512_store_ps(embedding + i, _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(code), scale), low));
    }
}

/* Add a row's features to the text's, normalised but for its mean; returns what the mean takes off. */
FAST static float add_row(const float *embedding, const float *features, float eps, float *out)
{
    __m512 sum[16], squares[16];
    for (int i = 0; i < 16; i++) {
        const __m512 x = _mm512_load_ps(embedding + 16 * i), y = _mm512_load_ps(embedding + WIDTH + 16 * i);
        sum[i] = _mm512_add_ps(x, y);
        squares[i] = _mm512_add_ps(_mm512_mul_ps(x, x), _mm512_mul_ps(y, y));
        for (int order = 0; order < ORDERS; order++) {
            const __m512 z = _mm512_load_ps(features + order * WIDTH + 16 * i);
            sum[i] = _mm512_add_ps(sum[i], z);
            squares[i] = _mm512_add_ps(squares[i], _mm512_mul_ps(z, z));
        }
    }
    const float mean = folded(sum) / FEATURES, square = folded(squares) / FEATURES;
    const float variance = square - mean * mean + eps;
    const float scale = 1 / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(variance)));
    const __m512 by = _mm512_set1_ps(scale);
    for (int i = 0; i < EMBEDDING; i += 16)
        _mm512_storeu_ps(out + i, _mm512_fmadd_ps(_mm512_load_ps(embedding + i), by, _mm512_loadu_ps(out + i)));
    out += EMBEDDING;
    for (int i = 0; i < ORDERS * WIDTH; i += 16)
        _mm512_storeu_ps(out + i, _mm512_fmadd_ps(_mm512_load_ps(features + i), by, _mm512_loadu_ps(out + i)));
    return scale * mean;
}

/* What the dense layers read of one text. The slots go on with other texts', `all` with its own. */
FAST static void sum_text(const Network *net, Space *space, const int32_t *slots, Py_ssize_t length, Py_ssize_t all,
                          float *out)
{
    double shift = 0;
    memset(out, 0, FEATURES * sizeof(float));
    Py_ssize_t gathered = 0;
    for (int i = 0; i < REACH; i++)
        blank(space, i);
    for (Py_ssize_t first = 0; first < length; first += BLOCK) {
        const int rows = length - first < BLOCK ? (int)(length - first) : BLOCK;
        if (first) {
            for (int order = 0; order < ORDERS; order++) {
                uint8_t *rounded = space->rounded[order];
                memcpy(rounded, rounded + BLOCK * WIDTH, 2 * REACH * WIDTH);
                float *hidden = space->hidden[order];
                memcpy(hidden, hidden + BLOCK * WIDTH, 2 * REACH * WIDTH * sizeof(float));
            }
        }
        for (; gathered < first + rows + REACH; gathered++) {
            const int place = (int)(gathered - first) + REACH;
            if (gathered < length)
                gather(net, space, slots, length, gathered, place);
            else
                blank(space, place);
        }
        const Py_ssize_t soon = first + rows + 2 * REACH;
        convolve(net, space, rows, slots + (soon < all ? soon : all), all - soon);
        for (int r = 0; r < rows; r++) {
            const size_t slot = slots[first + r];
            unpack(net->codes + slot * EMBEDDING, net->ranges + 2 * slot, space->embedding);
            shift += add_row(space->embedding, space->features[r], net->eps, out);
        }
    }
    const __m512 by = _mm512_set1_ps((float)shift);
    for (int i = 0; i < FEATURES; i += 16)
        _mm512_storeu_ps(out + i, _mm512_sub_ps(_mm512_loadu_ps(out + i), by));
}

#else
static int runs_here(void) { return 0; }
static void sum_text(const Network *net, Space *space, const int32_t *slots, Py_ssize_t length, Py_ssize_t all,
                     float *out) {}
#endif

static PyObject *supported(PyObject *self, PyObject *none)
{
    return PyBool_FromLong(runs_here());
}

/* Buffers in the order of the arguments. */
enum { CODES, RANGES, TERMS, WEIGHTS = TERMS + ORDERS, SCALE = WEIGHTS + ORDERS, BIAS, SHIFT, SLOTS, LENGTHS, OUT, BUFFERS };

/* NULL, or what is wrong with the sizes of the buffers or their numbers. */
static const char *wrong(const Py_buffer *b)
{
    const Py_ssize_t slots = b[CODES].len / EMBEDDING;
    const Py_ssize_t texts = b[LENGTHS].len / sizeof(int64_t), tokens = b[SLOTS].len / sizeof(int32_t);
    if (b[CODES].len % EMBEDDING || b[LENGTHS].len % sizeof(int64_t) || b[SLOTS].len % sizeof(int32_t))
        return "codes, lengths or slots are of another type";
    if (b[RANGES].len != slots * 2 * (Py_ssize_t)sizeof(float))
        return "there is one range for each token's codes";
    for (int order = 0; order < ORDERS; order++) {
        if (b[TERMS + order].len != slots * (LENGTH[order] + 1) * WIDTH * (Py_ssize_t)sizeof(uint16_t))
            return "there are n + 1 rows of terms for each token's codes";
        if (b[WEIGHTS + order].len != LENGTH[order] * WIDTH * WIDTH)
            return "weights are of another size";
    }
    for (int i = SCALE; i <= SHIFT; i++)
        if (b[i].len != ORDERS * WIDTH * 4)
            return "scale, bias and shift are one number for each output";
    if (b[OUT].len != texts * FEATURES * (Py_ssize_t)sizeof(float))
        return "there is one row of results for each text";
    const int64_t *lengths = b[LENGTHS].buf;
    Py_ssize_t left = tokens;
    for (Py_ssize_t i = 0; i < texts; i++) {
        if (lengths[i] < 1 || lengths[i] > left)
            return "lengths do not add up to the tokens, or a text is empty";
        left -= lengths[i];
    }
    if (left)
        return "lengths do not add up to the tokens";
    const int32_t *slot = b[SLOTS].buf;
    for (Py_ssize_t i = 0; i < tokens; i++)
        if (slot[i] < 0 || slot[i] >= slots)
            return "a slot is outside the table";
    return NULL;
}

static int compute(const Py_buffer *b, float highest, float eps)
{
    Space *space = NULL;
    if (posix_memalign((void **)&space, 64, sizeof(Space)))
        return 0;
    Network net = {
        .codes = b[CODES].buf, .ranges = b[RANGES].buf, .scale = b[SCALE].buf, .bias = b[BIAS].buf,
        .shift = b[SHIFT].buf, .highest = highest, .eps = eps,
    };
    for (int order = 0; order < ORDERS; order++) {
        net.terms[order] = b[TERMS + order].buf;
        net.weights[order] = b[WEIGHTS + order].buf;
    }
    const int32_t *slots = b[SLOTS].buf;
    Py_ssize_t all = b[SLOTS].len / sizeof(int32_t);
    const int64_t *lengths = b[LENGTHS].buf;
    float *out = b[OUT].buf;
    for (Py_ssize_t i = 0; i < b[LENGTHS].len / (Py_ssize_t)sizeof(int64_t); i++) {
        sum_text(&net, space, slots, lengths[i], all, out + i * FEATURES);
        slots += lengths[i];
        all -= lengths[i];
    }
    free(space);
    return 1;
}

static PyObject *sums(PyObject *self, PyObject *args)
{
    Py_buffer b[BUFFERS] = {{0}};
    float highest, eps;
    PyObject *result = NULL;
    /* Flat: of buffers in nested tuples CPython keeps more than it has made room for. */
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*y*y*y*y*y*y*ffw*", &b[CODES], &b[RANGES], &b[TERMS], &b[TERMS + 1],
                          &b[TERMS + 2], &b[WEIGHTS], &b[WEIGHTS + 1], &b[WEIGHTS + 2], &b[SCALE], &b[BIAS],
                          &b[SHIFT], &b[SLOTS], &b[LENGTHS], &highest, &eps, &b[OUT]))
        return NULL;
    const char *problem = runs_here() ? wrong(b) : "this processor has no AVX-512 with VNNI";
    if (problem) {
        PyErr_SetString(PyExc_ValueError, problem);
    } else {
        int done;
        Py_BEGIN_ALLOW_THREADS
        done = compute(b, highest, eps);
        Py_END_ALLOW_THREADS
        result = done ? Py_NewRef(Py_None) : PyErr_NoMemory();
    }
    for (int i = 0; i < BUFFERS; i++)
        PyBuffer_Release(&b[i]);
    return result;
}

static PyMethodDef METHODS[] = {
    {"supported", supported, METH_NOARGS, "Whether this processor can run the kernel."},
    {"sums", sums, METH_VARARGS, "Write the normalised features of each text's rows, summed, into the last argument."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "use_kernel", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_use_kernel(void)
{
    PyObject *module = PyModule_Create(&MODULE);
    if (module && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0)
        Py_CLEAR(module);
    return module;
}
