namespace OnnxStream.Interop.Kernels;

/// <summary>Where the rows of each expert lie in data that is sorted by expert.</summary>
/// <param name="experts">How many experts there are.</param>
internal sealed unsafe class ExpertRows(int experts)
{
    private readonly long[] _starts = new long[experts + 1];

    /// <summary>Reads the expert of each row.</summary>
    /// <param name="numbers">The experts from 0 on, in ascending order.</param>
    /// <param name="rows">The number of rows.</param>
    public void Read(long* numbers, long rows)
    {
        long next = 0;
        for (int expert = 0; expert < experts; expert++)
        {
            _starts[expert] = next;
            while (next < rows && numbers[next] == expert)
            {
                next++;
            }
        }

        _starts[experts] = next;
        if (next < rows)
        {
            throw new InvalidOperationException($"Row {next} has expert {numbers[next]}: there are {experts}, and rows must be sorted by them.");
        }
    }

    /// <summary>The first row of an expert, and how many it has.</summary>
    public (long First, long Count) Of(int expert) => (_starts[expert], _starts[expert + 1] - _starts[expert]);
}
