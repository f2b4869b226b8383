using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>A table with rows behind its own.</summary>
internal sealed class AppendedRowsSource : WeightSource
{
    private readonly WeightRange _original;
    private readonly byte[] _rows;
    private readonly string _versions;

    /// <summary>Describes a table.</summary>
    /// <param name="table">The original.</param>
    /// <param name="rows">The numbers of the rows.</param>
    /// <param name="description">What they are, for messages and to tell them apart.</param>
    /// <param name="versions">Changes with what they come from.</param>
    public AppendedRowsSource(ModelWeight table, float[] rows, string description, string versions)
        : base($"{table.Location.Source.Id}@{table.Location.Offset}+{description}")
    {
        _original = table.Location;
        _versions = versions;
        _rows = new byte[rows.Length * table.ElementType.SizeOf()];
        switch (table.ElementType)
        {
            case ElementType.Float32:
                MemoryMarshal.AsBytes<float>(rows).CopyTo(_rows);
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToHalf(rows, MemoryMarshal.Cast<byte, Half>(_rows.AsSpan()));
                break;
            default:
                for (int i = 0; i < rows.Length; i++)
                {
                    MemoryMarshal.Cast<byte, ushort>(_rows.AsSpan())[i] = (ushort)(BitConverter.SingleToUInt32Bits(rows[i]) >> 16);
                }

                break;
        }
    }

    /// <inheritdoc/>
    public override long Length => _original.Length + _rows.Length;

    /// <inheritdoc/>
    public override string Version => _original.Source.Version + _versions;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination)
    {
        int own = (int)Math.Clamp(_original.Length - offset, 0, destination.Length);
        if (own > 0)
        {
            _original.Source.Read(_original.Offset + offset, destination[..own]);
        }

        if (own < destination.Length)
        {
            _rows.AsSpan((int)(offset + own - _original.Length), destination.Length - own).CopyTo(destination[own..]);
        }
    }
}
