"""Speed of the engine itself: one wide pass, two workers, the store."""
