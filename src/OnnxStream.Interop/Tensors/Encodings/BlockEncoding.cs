using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>How numbers of a weight lie in blocks that have their scales in them, as GGUF files store them. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md</summary>
/// <remarks>
/// A number is an integer times its scale, plus its offset where the encoding has offsets. Blocks follow each other without gaps, so any row of whole blocks
/// can be read on its own. An encoding is the stored type of a <see cref="Constant"/>; no tensor of a run has it.
/// </remarks>
/// <param name="code">The number that GGUF has for it.</param>
/// <param name="name">The name that GGUF has for it.</param>
/// <param name="elements">The numbers of a block.</param>
/// <param name="bytes">Its bytes.</param>
internal abstract unsafe class BlockEncoding(int code, string name, int elements, int bytes)
{
    /// <summary>The integers of 4 bits that are split together: half as many bytes.</summary>
    public const int NibbleBlock = 32;

    private const int FirstType = -100;
    private const int PieceElements = 256;

    private static readonly BlockEncoding[] s_all = [new Q4Block(), new Q4OffsetBlock(), new Q5Block(), new Q5OffsetBlock(), new Q8Block(), new Q4SuperBlock(), new Q5SuperBlock(), new Q6SuperBlock()];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<BlockEncoding> All => s_all;

    /// <summary>The number that GGUF has for it.</summary>
    public int Code { get; } = code;

    /// <summary>The name that GGUF has for it, in small letters.</summary>
    public string Name { get; } = name;

    /// <summary>The numbers of a block.</summary>
    public int Elements { get; } = elements;

    /// <summary>Its bytes.</summary>
    public int Bytes { get; } = bytes;

    /// <summary>What stands for it as the stored type of a constant.</summary>
    public ElementType Type => (ElementType)(FirstType - Code);

    /// <summary>Integers come apart as <see cref="ElementType.Int8"/> in their order, or as <see cref="ElementType.UInt4"/>: of 32, the first 16 in the lower halves of bytes.</summary>
    public virtual ElementType Integers => ElementType.Int8;

    /// <summary>What is taken away from an integer before it is multiplied with its scale.</summary>
    public virtual float ZeroPoint => 0;

    /// <summary>The numbers that share a scale.</summary>
    public virtual int ScaleElements => NibbleBlock;

    /// <summary>Whether there is an offset beside each scale.</summary>
    public virtual bool HasOffsets => false;

    /// <summary>The encoding that a stored type stands for; null if it is another type.</summary>
    public static BlockEncoding? Find(ElementType type) => (int)type > FirstType ? null : Array.Find(s_all, encoding => encoding.Type == type);

    /// <summary>The bytes of some numbers.</summary>
    /// <param name="count">How many: whole blocks.</param>
    public long BytesOf(long count) => checked(count / Elements * Bytes);

    /// <summary>Takes blocks apart.</summary>
    /// <param name="source">The first block; need not be aligned.</param>
    /// <param name="blocks">How many.</param>
    /// <param name="integers">Receives the integers.</param>
    /// <param name="scales">Receives a scale for each <see cref="ScaleElements"/> of them.</param>
    /// <param name="offsets">Receives an offset beside each scale, if there are offsets.</param>
    public abstract void Split(byte* source, long blocks, byte* integers, float* scales, float* offsets);

    /// <summary>Makes numbers of blocks.</summary>
    /// <param name="source">The first block; need not be aligned.</param>
    /// <param name="destination">Receives as many numbers as it has room for: whole blocks.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Expand(byte* source, Span<float> destination)
    {
        byte* integers = stackalloc byte[PieceElements];
        float* scales = stackalloc float[PieceElements / 16];
        float* offsets = stackalloc float[PieceElements / 16];
        bool isNibbles = Integers == ElementType.UInt4;
        bool hasOffsets = HasOffsets;
        int scaleElements = ScaleElements;
        Vector128<sbyte> zero = Vector128.Create((sbyte)ZeroPoint);
        fixed (float* start = destination)
        {
            float* numbers = start;
            float* end = start + destination.Length;
            for (; numbers < end; numbers += PieceElements, source += PieceElements / Elements * Bytes)
            {
                int count = (int)Math.Min(PieceElements, end - numbers);
                Split(source, count / Elements, integers, scales, offsets);
                for (int i = 0, scale = 0; i < count; i += scaleElements, scale++)
                {
                    Vector128<float> factor = Vector128.Create(scales[scale]);
                    Vector128<float> offset = Vector128.Create(hasOffsets ? offsets[scale] : 0);
                    if (!isNibbles)
                    {
                        for (int j = 0; j < scaleElements; j += 16)
                        {
                            Numbers(Vector128.Load((sbyte*)integers + i + j), factor, offset, hasOffsets, numbers + i + j);
                        }
                    }
                    else
                    {
                        Vector128<byte> pairs = Vector128.Load(integers + i / 2);
                        Numbers((pairs & Vector128.Create((byte)15)).AsSByte() - zero, factor, offset, hasOffsets, numbers + i);
                        Numbers((pairs >>> 4).AsSByte() - zero, factor, offset, hasOffsets, numbers + i + 16);
                    }
                }
            }
        }
    }

    /// <summary>A number of half precision.</summary>
    /// <param name="source">Its first byte.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static float Single(byte* source) => (float)Unsafe.ReadUnaligned<Half>(source);

    // The product is rounded before the offset is added, as the format's description has it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Numbers(Vector128<sbyte> integers, Vector128<float> factor, Vector128<float> offset, bool hasOffsets, float* numbers)
    {
        (Vector128<short> low, Vector128<short> high) = Vector128.Widen(integers);
        (Vector128<int> first, Vector128<int> second) = Vector128.Widen(low);
        (Vector128<int> third, Vector128<int> fourth) = Vector128.Widen(high);
        Vector128<float> one = Vector128.ConvertToSingle(first) * factor, two = Vector128.ConvertToSingle(second) * factor;
        Vector128<float> three = Vector128.ConvertToSingle(third) * factor, four = Vector128.ConvertToSingle(fourth) * factor;
        if (hasOffsets)
        {
            (one, two, three, four) = (one + offset, two + offset, three + offset, four + offset);
        }

        one.Store(numbers);
        two.Store(numbers + 4);
        three.Store(numbers + 8);
        four.Store(numbers + 12);
    }
}
