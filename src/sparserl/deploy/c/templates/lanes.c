/* Eight numbers side by side. */
#if defined(LANES_AVX2)
typedef __m256 lanes;

static inline lanes lanes_zero(void) { return _mm256_setzero_ps(); }
static inline lanes lanes_load(const float *from) { return _mm256_loadu_ps(from); }
static inline void lanes_store(float *to, lanes x) { _mm256_storeu_ps(to, x); }
{% if not scaled %}
static inline lanes lanes_add(lanes x, lanes y) { return _mm256_add_ps(x, y); }
{% endif %}
static inline lanes lanes_add_product(lanes sum, lanes x, lanes y)
{
#if defined(__FMA__)
    return _mm256_fmadd_ps(x, y, sum);
#else
    return _mm256_add_ps(_mm256_mul_ps(x, y), sum);
#endif
}
{% if "relu" in in_lanes %}
static inline lanes lanes_larger_of_zero_and(lanes x) { return _mm256_max_ps(x, _mm256_setzero_ps()); }
{% endif %}
{% if "tanh" in in_lanes or wide %}
static inline lanes lanes_of(float x) { return _mm256_set1_ps(x); }
{% endif %}
{% if "tanh" in in_lanes %}
static inline lanes lanes_within(lanes x, float limit)
{
    return _mm256_max_ps(_mm256_min_ps(x, lanes_of(limit)), lanes_of(-limit));
}
static inline lanes lanes_product(lanes x, lanes y) { return _mm256_mul_ps(x, y); }
static inline lanes lanes_quotient(lanes x, lanes y) { return _mm256_div_ps(x, y); }
{% endif %}
{% if scaled %}
static inline lanes lanes_of_weights(const int8_t *weights)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)weights)));
}
{% else %}
static inline lanes lanes_of_weights(const float *weights) { return _mm256_loadu_ps(weights); }
{% endif %}
{% for integer in absolute %}
/* By eight loads: a gather takes longer on many processors, on some of them much longer. */
static inline lanes lanes_at_{{ integer }}(const float *x, const {{ integer }} *indices)
{
{% for lane in range(0, 8, 2) %}
    const __m128 x{{ lane }} = _mm_unpacklo_ps(_mm_load_ss(x + indices[{{ lane }}]), _mm_load_ss(x + indices[{{ lane + 1 }}]));
{% endfor %}
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_movelh_ps(x0, x2)), _mm_movelh_ps(x4, x6), 1);
}
{% endfor %}
#elif defined(LANES_NEON)
typedef struct {
    float32x4_t low, high;
} lanes;

static inline lanes lanes_of_two(float32x4_t low, float32x4_t high)
{
    lanes both;
    both.low = low;
    both.high = high;
    return both;
}
{% if "tanh" in in_lanes or wide %}
static inline lanes lanes_of(float x) { return lanes_of_two(vdupq_n_f32(x), vdupq_n_f32(x)); }
{% endif %}
{% if "tanh" in in_lanes %}
static inline lanes lanes_within(lanes x, float limit)
{
    const float32x4_t end = vdupq_n_f32(limit), start = vdupq_n_f32(-limit);
    return lanes_of_two(vmaxnmq_f32(vminnmq_f32(x.low, end), start), vmaxnmq_f32(vminnmq_f32(x.high, end), start));
}
static inline lanes lanes_product(lanes x, lanes y)
{
    return lanes_of_two(vmulq_f32(x.low, y.low), vmulq_f32(x.high, y.high));
}
static inline lanes lanes_quotient(lanes x, lanes y)
{
    return lanes_of_two(vdivq_f32(x.low, y.low), vdivq_f32(x.high, y.high));
}
{% endif %}
static inline lanes lanes_load(const float *from) { return lanes_of_two(vld1q_f32(from), vld1q_f32(from + 4)); }
static inline void lanes_store(float *to, lanes x)
{
    vst1q_f32(to, x.low);
    vst1q_f32(to + 4, x.high);
}
static inline lanes lanes_zero(void) { return lanes_of_two(vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)); }
{% if not scaled %}
static inline lanes lanes_add(lanes x, lanes y)
{
    return lanes_of_two(vaddq_f32(x.low, y.low), vaddq_f32(x.high, y.high));
}
{% endif %}
static inline lanes lanes_add_product(lanes sum, lanes x, lanes y)
{
    return lanes_of_two(vfmaq_f32(sum.low, x.low, y.low), vfmaq_f32(sum.high, x.high, y.high));
}
{% if "relu" in in_lanes %}
static inline lanes lanes_larger_of_zero_and(lanes x)
{
    const float32x4_t zero = vdupq_n_f32(0.0f);
    return lanes_of_two(vmaxnmq_f32(x.low, zero), vmaxnmq_f32(x.high, zero));
}
{% endif %}
{% if scaled %}
static inline lanes lanes_of_weights(const int8_t *weights)
{
    const int16x8_t wide = vmovl_s8(vld1_s8(weights));
    return lanes_of_two(vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(wide))));
}
{% else %}
static inline lanes lanes_of_weights(const float *weights)
{
    return lanes_of_two(vld1q_f32(weights), vld1q_f32(weights + 4));
}
{% endif %}
{% for integer in absolute %}
static inline lanes lanes_at_{{ integer }}(const float *x, const {{ integer }} *indices)
{
    float32x4_t low = vld1q_dup_f32(x + indices[0]), high = vld1q_dup_f32(x + indices[4]);
{% for lane in range(1, 4) %}
    low = vld1q_lane_f32(x + indices[{{ lane }}], low, {{ lane }});
    high = vld1q_lane_f32(x + indices[{{ lane + 4 }}], high, {{ lane }});
{% endfor %}
    return lanes_of_two(low, high);
}
{% endfor %}
#endif

{% if narrow %}
#if defined(LANES_AVX512)
/* Sixteen numbers: two steps of the same eight rows. All of them are always meant, which is said because GCC 12 warns
 * of its own header where it is not. */
#define ALL ((__mmask16)0xffff)
static inline lanes sum_of_pairs(__m512 pairs)
{
    const __m512d both = _mm512_castps_pd(pairs);
    const __m256d first = _mm512_maskz_extractf64x4_pd((__mmask8)0xff, both, 0);
    const __m256d second = _mm512_maskz_extractf64x4_pd((__mmask8)0xff, both, 1);
    return _mm256_add_ps(_mm256_castpd_ps(first), _mm256_castpd_ps(second));
}
static inline __m512 pairs_of_weights(const {{ weight }} *weights)
{
{% if scaled %}
    const __m512i wide = _mm512_maskz_cvtepi8_epi32(ALL, _mm_loadu_si128((const __m128i *)weights));
    return _mm512_maskz_cvtepi32_ps(ALL, wide);
{% else %}
    return _mm512_loadu_ps(weights);
{% endif %}
}
#endif

{% endif %}
{% if "tanh" in in_lanes %}
#if defined(LANES_AVX2) || defined(LANES_NEON)
static inline lanes lanes_hyperbolic_tangent(lanes given)
{
    const lanes x = lanes_within(given, {{ tanh.end }}), square = lanes_product(x, x);
    lanes top = lanes_of({{ tanh.top[-1] }}), bottom = lanes_of({{ tanh.bottom[-1] }});
{% for number in tanh.top[:-1] | reverse %}
    top = lanes_add_product(lanes_of({{ number }}), top, square);
{% endfor %}
{% for number in tanh.bottom[:-1] | reverse %}
    bottom = lanes_add_product(lanes_of({{ number }}), bottom, square);
{% endfor %}
    return lanes_within(lanes_quotient(lanes_product(x, top), bottom), 1.0f);
}
#endif

{% endif %}
