using System.Numerics;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Discrete Fourier transforms along one axis of a tensor of complex numbers, or of real ones.</summary>
/// <param name="input">The shape, whose last dimension is 1 (real) or 2 (real and imaginary part).</param>
/// <param name="axis">The axis, not the last.</param>
/// <param name="length">The length of the transform: the axis is cut there, or filled with zeros.</param>
/// <param name="kept">How many results are given, from the first on.</param>
/// <param name="isHalf">Whether the input is the first half of a spectrum whose other half is the conjugate, and only real parts are given.</param>
/// <param name="isInverse">Whether it is the inverse transform, which divides by the length.</param>
internal sealed unsafe class FourierKernel<T>(Shape input, int axis, int length, int kept, bool isHalf, bool isInverse) : Kernel, IParallelBody
    where T : unmanaged, INumber<T>
{
    private readonly FourierTransform _transform = new(length, isInverse);
    private readonly long _inner = input.Product(axis + 1, input.Rank - 1);
    private readonly int _parts = (int)input[^1];
    private KernelContext? _context;

    /// <inheritdoc/>
    public override string Name => "Fourier transform";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        context.Workers.Parallelize(this, checked((int)(input.Product(0, axis) * _inner)));
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        (long outer, long inner) = Math.DivRem((long)index, _inner);
        int given = isHalf ? 1 : 2;
        T* source = (T*)_context!.Input(0) + (outer * input[axis] * _inner + inner) * _parts;
        T* output = (T*)_context.Output(0) + (outer * kept * _inner + inner) * given;
        Complex[] line = new Complex[length];
        for (int i = 0; i < Math.Min(isHalf ? length / 2 + 1 : length, input[axis]); i++)
        {
            T* element = source + i * _inner * _parts;
            line[i] = new Complex(double.CreateTruncating(element[0]), _parts == 2 ? double.CreateTruncating(element[1]) : 0);
            if (isHalf && i > 0)
            {
                // The middle of an even length is its own mirror image, so its imaginary part does not count, as that of the first.
                line[length - i] = Complex.Conjugate(line[i]);
                line[i] = 2 * i == length ? line[i].Real : line[i];
            }
        }

        _transform.Transform(line);
        for (int i = 0; i < kept; i++)
        {
            Complex value = isInverse ? line[i] / length : line[i];
            output[i * _inner * given] = T.CreateTruncating(value.Real);
            if (!isHalf)
            {
                output[i * _inner * 2 + 1] = T.CreateTruncating(value.Imaginary);
            }
        }
    }
}
