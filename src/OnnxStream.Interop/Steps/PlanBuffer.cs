using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Steps;

/// <summary>Memory that tensors of a plan lie in: a part of the arena, a constant that stays in memory, a weight that comes and goes, or memory of a caller.</summary>
internal sealed class PlanBuffer(long length, Constant? constant = null)
{
    private PlanBuffer? _mergedInto;
    private long _start;

    /// <summary>The number of bytes.</summary>
    public long Length { get; } = length;

    /// <summary>The data of a constant or weight; null for any other buffer.</summary>
    public Constant? Constant { get; } = constant;

    /// <summary>Whether the buffer is a part of the arena.</summary>
    public bool IsInArena => Constant is null && !IsExternal;

    /// <summary>Which of the addresses that a run is given is that of the buffer; -1 if the plan has memory for it.</summary>
    public int ExternalIndex { get; set; } = -1;

    /// <summary>Whether the buffer is memory of a caller, another one in each run.</summary>
    public bool IsExternal => ExternalIndex >= 0;

    /// <summary>The first step that needs the buffer; -1 if it must be there before the run (inputs).</summary>
    public int FirstStep { get; set; } = int.MaxValue;

    /// <summary>The last step that needs the buffer; <see cref="int.MaxValue"/> if it must outlive the run (outputs).</summary>
    public int LastStep { get; set; } = -1;

    /// <summary>The first byte, from the start of the arena or of the constants.</summary>
    public long Offset { get; set; }

    /// <summary>The buffer that this one became when a step was planned to work in place; itself otherwise.</summary>
    public PlanBuffer Actual => _mergedInto is null ? this : _mergedInto.Actual;

    /// <summary>Where this buffer begins in <see cref="Actual"/>, in bytes.</summary>
    public long Start => _mergedInto is null ? 0 : _start + _mergedInto.Start;

    /// <summary>Whether the buffer was made for others that overlap (<see cref="MergeInto"/>), and may be longer than each of them.</summary>
    public bool IsShared { get; init; }

    /// <summary>Makes the buffer memory of its own again, with no known life.</summary>
    public void Separate()
    {
        _mergedInto = null;
        _start = 0;
        FirstStep = int.MaxValue;
        LastStep = -1;
    }

    /// <summary>Makes this buffer a part of <paramref name="other"/>, which then lives as long as both.</summary>
    /// <param name="other">The buffer.</param>
    /// <param name="start">Where this one begins in it, in bytes.</param>
    public void MergeInto(PlanBuffer other, long start = 0)
    {
        _mergedInto = other;
        _start = start;
        other.FirstStep = Math.Min(other.FirstStep, FirstStep);
        other.LastStep = Math.Max(other.LastStep, LastStep);
    }
}
