namespace OnnxStream.Interop.Pipelines;

/// <summary>What a stage of a pipeline took.</summary>
/// <param name="Duration">The time from before its model was opened until now.</param>
/// <param name="LoadDuration">The part of it that opening the model took.</param>
/// <param name="RunDuration">The part of it that the model's runs took.</param>
/// <param name="RunCount">How many times the model ran; inputs that go together are one run.</param>
/// <param name="WeightsBytesStreamed">The bytes of weights that all runs took from the weights provider.</param>
/// <param name="PeakNativeBytes">The most native memory that was in use at once during a run.</param>
internal readonly record struct StageTotals(TimeSpan Duration, TimeSpan LoadDuration, TimeSpan RunDuration, int RunCount, long WeightsBytesStreamed, long PeakNativeBytes);
