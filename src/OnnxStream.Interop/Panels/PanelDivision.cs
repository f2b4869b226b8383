namespace OnnxStream.Interop.Panels;

/// <summary>How a weight is divided into panels of output channels.</summary>
/// <remarks>
/// The division depends on the weight alone, not on the data or the number of threads: all plans of a model share the panels of a store.
/// </remarks>
internal static class PanelDivision
{
    /// <summary>The size of a panel that is aimed at, in bytes of packed weights: it stays in a core's outer cache while rows of data pass over it.</summary>
    public const long PanelBytes = 1 << 20;

    /// <summary>A multiple of all tile widths of XNNPACK's packed layouts, which divide 16 or 32.</summary>
    public const int Tile = 32;

    // Rows of a matrix are copied in pieces as wide as a panel: fewer and longer ones where every run copies them, up to this size.
    private const long CopiedPanelBytes = 4 << 20;
    private const int LeastCopiedPanels = 16;

    // Two, or a multiple of four, leave no thread idle at the end on the machines that are common.
    private const int FewPanels = 2;
    private const int ManyPanels = 4;

    /// <summary>The output channels of each panel but the last, which may have fewer.</summary>
    public static int ChooseOutputs(PanelWeights weights)
    {
        long bytes = weights is { PartlyRead: not null, IsPackedInRuns: true }
            ? Math.Clamp(weights.PerOutput * weights.Outputs * sizeof(float) / LeastCopiedPanels, PanelBytes, CopiedPanelBytes)
            : PanelBytes;
        long fitting = Math.Max(1, bytes / (weights.PerOutput * sizeof(float) * Tile)) * Tile;
        if (weights.MatrixOutputs > 0)
        {
            return LargestPart(weights.MatrixOutputs, fitting, Tile);
        }

        if (weights.Outputs <= fitting)
        {
            // Threads share one panel, each with other rows, and read it once.
            return weights.Outputs;
        }

        long count = (weights.Outputs + fitting - 1) / fitting;
        int multiple = count <= FewPanels ? FewPanels : ManyPanels;
        if (weights.Outputs >= multiple * Tile)
        {
            count = (count + multiple - 1) / multiple * multiple;
        }

        long outputs = (weights.Outputs + count - 1) / count;
        return (int)Math.Min(weights.Outputs, (outputs + Tile - 1) / Tile * Tile);
    }

    /// <summary>The largest number that divides <paramref name="outputs"/> and is at most <paramref name="most"/>; a multiple of <paramref name="tile"/> if one of at least half of that size is.</summary>
    public static int LargestPart(int outputs, long most, int tile)
    {
        int largest = 0;
        for (int count = 1; count <= outputs; count++)
        {
            int part = outputs / count;
            if (outputs % count != 0 || part > most)
            {
                continue;
            }

            if (largest != 0 && part < (largest + 1) / 2)
            {
                break;
            }

            largest = Math.Max(largest, part);
            if (part % tile == 0)
            {
                return part;
            }
        }

        return largest;
    }
}
