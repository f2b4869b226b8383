using System.Numerics;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>Inputs made up from a seed: the same ones on every machine.</summary>
internal static class RandomTensors
{
    /// <summary>Integers are below this: small enough to be an index into most tables, a token or a time step.</summary>
    private const int IntegerLimit = 10;

    /// <summary>Makes a tensor for each input: floats are standard normal (scales of float8e8m0 powers of two near them), integers 0 to 9 (those of 4 and 2 bits 0 or 1), truth values even.</summary>
    /// <param name="inputs">What the model declares.</param>
    /// <param name="openDimensions">The numbers for open dimensions by name; those not named here are 1.</param>
    /// <param name="seed">Decides every element.</param>
    /// <exception cref="UsageException">An input has no declared shape or no numeric type, or a dimension is not the model's.</exception>
    public static Dictionary<string, TensorBuffer> Create(
        IReadOnlyList<ValueMetadata> inputs, IReadOnlyDictionary<string, long> openDimensions, int seed)
    {
        Random random = new(seed);
        Dictionary<string, TensorBuffer> tensors = [];
        foreach ((string name, TensorType type) in InputTypes.Create(inputs, openDimensions))
        {
            if (type.ByteLength > Array.MaxLength)
            {
                throw new UsageException($"The input '{name}' would be {type}, {type.ByteLength:N0} bytes; a tensor has at most {Array.MaxLength:N0}. Give smaller numbers with --dim.");
            }

            TensorBuffer tensor = new(type.ElementType, type.Shape);
            Fill(tensor, random);
            tensors.Add(name, tensor);
        }

        return tensors;
    }

    private static void Fill(TensorBuffer tensor, Random random)
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
                FillIntegers<sbyte>(tensor, random);
                break;
            case ElementType.Int16:
                FillIntegers<short>(tensor, random);
                break;
            case ElementType.Int32:
                FillIntegers<int>(tensor, random);
                break;
            case ElementType.Int64:
                FillIntegers<long>(tensor, random);
                break;
            case ElementType.UInt8:
                FillIntegers<byte>(tensor, random);
                break;
            case ElementType.UInt16:
                FillIntegers<ushort>(tensor, random);
                break;
            case ElementType.UInt32:
                FillIntegers<uint>(tensor, random);
                break;
            case ElementType.UInt64:
                FillIntegers<ulong>(tensor, random);
                break;
        }
    }

    private static void FillIntegers<T>(TensorBuffer tensor, Random random)
        where T : unmanaged, INumberBase<T> =>
        Fill(tensor.Span<T>(), random, static random => T.CreateChecked(random.Next(IntegerLimit)));

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
