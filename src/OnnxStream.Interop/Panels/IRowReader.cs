namespace OnnxStream.Interop.Panels;

/// <summary>Rows of single precision that are made when somebody asks for them, as often as they are asked for.</summary>
internal unsafe interface IRowReader
{
    /// <summary>How many rows there are.</summary>
    int RowCount { get; }

    /// <summary>The numbers of a row.</summary>
    int RowLength { get; }

    /// <summary>Makes a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="destination">Receives its numbers.</param>
    void ReadRow(int row, float* destination);
}
