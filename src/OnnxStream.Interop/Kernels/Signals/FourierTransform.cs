using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>The discrete Fourier transform of one length, in double precision: X[k] = sum of x[j] e^(∓2πijk/n), not scaled.</summary>
/// <remarks>
/// Powers of two by Cooley and Tukey's algorithm; other lengths as a convolution of the next power of two that holds it (Bluestein,
/// "A linear filtering approach to the computation of discrete Fourier transform", 1970).
/// </remarks>
internal sealed class FourierTransform
{
    private readonly int _length;
    private readonly Complex[] _roots;
    private readonly Complex[]? _chirp;
    private readonly Complex[]? _filter;
    private readonly FourierTransform? _inner;

    /// <summary>Prepares the factors.</summary>
    /// <param name="length">The number of elements.</param>
    /// <param name="isInverse">Whether the exponent is positive.</param>
    public FourierTransform(int length, bool isInverse)
    {
        _length = length;
        double sign = isInverse ? 1 : -1;
        if (BitOperations.IsPow2(length))
        {
            _roots = [.. Enumerable.Range(0, length / 2).Select(k => Complex.FromPolarCoordinates(1, sign * 2 * Math.PI * k / length))];
            return;
        }

        _roots = [];
        int size = checked((int)BitOperations.RoundUpToPowerOf2((uint)(2 * length - 1)));
        _inner = new FourierTransform(size, isInverse: false);
        _chirp = new Complex[length];
        _filter = new Complex[size];
        for (int k = 0; k < length; k++)
        {
            // k² modulo 2n: the angle stays small and exact.
            _chirp[k] = Complex.FromPolarCoordinates(1, sign * Math.PI * ((long)k * k % (2L * length)) / length);
            _filter[k] = Complex.Conjugate(_chirp[k]);
            if (k > 0)
            {
                _filter[size - k] = _filter[k];
            }
        }

        _inner.Transform(_filter);
    }

    /// <summary>Transforms in place.</summary>
    /// <param name="values">As many values as the length.</param>
    public void Transform(Span<Complex> values)
    {
        if (_inner is null)
        {
            TransformPowerOfTwo(values);
            return;
        }

        Complex[] padded = new Complex[_inner._length];
        for (int k = 0; k < _length; k++)
        {
            padded[k] = values[k] * _chirp![k];
        }

        // The inverse of the inner transform is the forward one of the conjugate.
        _inner.Transform(padded);
        for (int k = 0; k < padded.Length; k++)
        {
            padded[k] = Complex.Conjugate(padded[k] * _filter![k]);
        }

        _inner.Transform(padded);
        for (int k = 0; k < _length; k++)
        {
            values[k] = Complex.Conjugate(padded[k]) / padded.Length * _chirp![k];
        }
    }

    private void TransformPowerOfTwo(Span<Complex> values)
    {
        for (int i = 1, j = 0; i < _length; i++)
        {
            int bit = _length >> 1;
            for (; (j & bit) != 0; bit >>= 1)
            {
                j ^= bit;
            }

            j ^= bit;
            if (i < j)
            {
                (values[i], values[j]) = (values[j], values[i]);
            }
        }

        for (int half = 1; half < _length; half *= 2)
        {
            int stride = _length / (2 * half);
            for (int start = 0; start < _length; start += 2 * half)
            {
                for (int k = 0; k < half; k++)
                {
                    Complex odd = values[start + k + half] * _roots[k * stride];
                    values[start + k + half] = values[start + k] - odd;
                    values[start + k] += odd;
                }
            }
        }
    }
}
