namespace OnnxStream.Interop.Kernels;

/// <summary>Some rows of a quantized matrix, the rows of data that they are multiplied with, and where the results go.</summary>
/// <param name="Stored">The stored rows of the matrix.</param>
/// <param name="StoredStride">Bytes from one of them to the next.</param>
/// <param name="Outputs">How many there are.</param>
/// <param name="Scales">The scale of each block, row behind row.</param>
/// <param name="ZeroPoints">The zero point of each block.</param>
/// <param name="ZeroPointStep">How far a zero point lies behind the one before: 1, or 0 where there is one for all.</param>
/// <param name="Arranged">The first row of data, arranged.</param>
/// <param name="Data">The same row as it was.</param>
/// <param name="Rows">The rows of data.</param>
/// <param name="Results">Receives the products.</param>
/// <param name="ResultStride">Elements from the results of a row of data to those of the next.</param>
internal readonly unsafe record struct QuantizedPart(
    nint Stored, long StoredStride, int Outputs, nint Scales, nint ZeroPoints, int ZeroPointStep, nint Arranged, nint Data, long Rows, nint Results, long ResultStride)
{
    /// <summary>One product of it, computed with the data as they were.</summary>
    /// <param name="row">The row of data.</param>
    /// <param name="output">The row of the matrix.</param>
    /// <param name="length">The numbers of a row.</param>
    /// <param name="blocks">The blocks of a row of the matrix.</param>
    public QuantizedPart At(long row, int output, int length, int blocks)
    {
        nint data = (nint)((float*)Data + row * length);
        return this with
        {
            Stored = Stored + (nint)(output * StoredStride),
            Outputs = 1,
            Scales = (nint)((float*)Scales + (long)output * blocks),
            ZeroPoints = (nint)((float*)ZeroPoints + (long)output * blocks * ZeroPointStep),
            Arranged = data,
            Data = data,
            Rows = 1,
            Results = (nint)((float*)Results + row * ResultStride + output),
        };
    }
}
