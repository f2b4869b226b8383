namespace OnnxStream.Interop.Weights;

/// <summary>How near the bytes of a range are.</summary>
internal enum RangePresence
{
    /// <summary>They can be had at once.</summary>
    There,

    /// <summary>They are being read.</summary>
    OnTheWay,

    /// <summary>They are not in the system's cache.</summary>
    Absent,
}
