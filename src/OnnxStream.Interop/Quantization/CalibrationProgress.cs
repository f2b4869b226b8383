namespace OnnxStream.Interop;

/// <summary>How far a calibration is.</summary>
/// <param name="Sample">The samples that have been run.</param>
/// <param name="Fraction">The part of the sample that runs now that is done, 0 to 1.</param>
public readonly record struct CalibrationProgress(int Sample, double Fraction);
