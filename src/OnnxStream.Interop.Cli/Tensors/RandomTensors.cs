using System.Numerics;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>Inputs made up from a seed: the same ones on every machine.</summary>
/// <param name="seed">Decides every element.</param>
/// <param name="indexInputs">For each input whose elements pick entries of a table, how many entries there are.</param>
internal sealed class RandomTensors(int seed, IReadOnlyDictionary<string, long> indexInputs)
{
    /// <summary>Integers are below this: small enough to be a token or a time step.</summary>
    private const int IntegerLimit = 10;

    private readonly Random _random = new(seed);

    /// <summary>Makes a tensor: floats are standard normal (scales of float8e8m0 powers of two near them), integers 0 to 9 (those of 4 and 2 bits 0 or 1), truth values even, indices those of any entry, masks all ones.</summary>
    /// <param name="name">The input that it is for.</param>
    /// <param name="type">Its type; at most <see cref="Array.MaxLength"/> bytes.</param>
    public TensorBuffer Create(string name, TensorType type)
    {
        TensorBuffer tensor = new(type.ElementType, type.Shape);
        bool isIndex = indexInputs.TryGetValue(name, out long entries);
        if (!isIndex && name.Contains("mask", StringComparison.OrdinalIgnoreCase))
        {
            // What is masked away would make the run say less about the model.
            TensorLiteral.Fill(tensor, "1", new ValueMetadata(name, type.ElementType, null));
            return tensor;
        }

        Fill(tensor, _random, isIndex ? entries : IntegerLimit);
        return tensor;
    }

    private static void Fill(TensorBuffer tensor, Random random, long limit)
    {
        switch (tensor.ElementType)
        {
            case ElementType.Float32:
                Fill(tensor.Span<float>(), random, static random => (float)Normal(random));
                break;
            case ElementType.Float64:
                Fill(tensor.Span<double>(), random, Normal);
                break;
            case ElementType.Float16:
                Fill(tensor.Span<Half>(), random, static random => (Half)Normal(random));
                break;
            case ElementType.BFloat16:
                // .NET has no type for it: the upper half of a single's bits.
                Fill(MemoryMarshal.Cast<byte, ushort>(tensor.Bytes), random, static random => (ushort)(BitConverter.SingleToUInt32Bits((float)Normal(random)) >> 16));
                break;
            case var type when type.IsNarrowFloat():
                float[] floats = new float[tensor.Bytes.Length];
                Fill<float>(floats, random, random => (float)(type == ElementType.Float8E8M0 ? Math.Abs(Normal(random)) : Normal(random)));
                TensorBuffer.Create<float>(floats, floats.Length).ConvertTo(type).Bytes.CopyTo(tensor.Bytes);
                break;
            case var type when type.IsNarrowInteger():
                Fill(tensor.Bytes, random, static random => (byte)random.Next(2));
                break;
            case ElementType.Bool:
                Fill(tensor.Span<bool>(), random, static random => random.Next(2) == 1);
                break;
            case ElementType.Int8:
                FillIntegers<sbyte>(tensor, random, limit);
                break;
            case ElementType.Int16:
                FillIntegers<short>(tensor, random, limit);
                break;
            case ElementType.Int32:
                FillIntegers<int>(tensor, random, limit);
                break;
            case ElementType.Int64:
                FillIntegers<long>(tensor, random, limit);
                break;
            case ElementType.UInt8:
                FillIntegers<byte>(tensor, random, limit);
                break;
            case ElementType.UInt16:
                FillIntegers<ushort>(tensor, random, limit);
                break;
            case ElementType.UInt32:
                FillIntegers<uint>(tensor, random, limit);
                break;
            case ElementType.UInt64:
                FillIntegers<ulong>(tensor, random, limit);
                break;
        }
    }

    // No element is larger than its type can be.
    private static void FillIntegers<T>(TensorBuffer tensor, Random random, long limit)
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        long end = long.CreateSaturating(T.MaxValue) is var most && most < limit - 1 ? most + 1 : limit;
        Fill(tensor.Span<T>(), random, random => T.CreateChecked(random.NextInt64(end)));
    }

    private static void Fill<T>(Span<T> elements, Random random, Func<Random, T> next)
    {
        foreach (ref T element in elements)
        {
            element = next(random);
        }
    }

    // Box and Muller's transform; 1 - u keeps the logarithm away from zero.
    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
